"""What made the adapter in ``models/fim``: the data set, the training, the export."""
