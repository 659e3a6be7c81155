"""Looking into any `paddle.nn.Layer` that takes images and gives logits; knows no trainer."""
