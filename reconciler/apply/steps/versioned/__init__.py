"""Steps on objects whose content is immutable versions behind one pointer.

Nothing but the pointer can be changed in place, so the pointer is the confirmation: a new object starts with a stub
version that says pending, every real version is posted without moving the pointer, and then the pointer is set.
"""
