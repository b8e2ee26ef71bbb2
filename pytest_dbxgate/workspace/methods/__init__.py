"""The methods of authentication, one module each. ``auth`` lists and chooses them."""
