"""What every part needs and that needs nothing but numpy: types, windows, preprocessing, decision, model card."""
