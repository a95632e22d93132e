"""The anchor, built anew from what the account shows: tagged objects are the truth, and it is made of them."""
