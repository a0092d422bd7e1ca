"""The fine-tuned model of the last tier: training data, training, export, scores.

Nothing of it is needed to run the hub.
"""
