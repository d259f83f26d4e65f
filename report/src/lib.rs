//! Statistics, figures, heatmaps and HTML computed from Prospect's run folders.
