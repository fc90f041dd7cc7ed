"""Solids, building models, point clouds, rasters and drawings, at the level a catalog needs: layers and assets."""
