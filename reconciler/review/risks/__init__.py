"""What a reviewer has to see before anything else: every risk of a plan, the gravest first; one file per family.

A risk is about what a plan does to what people use; it forbids nothing. What was so before and stays so is none, but
for a model that will be shut down: that is about what runs, whether it changes or not. Nothing here depends on a clock:
days are counted from the plan's own date.
"""
