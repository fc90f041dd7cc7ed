"""Match and merge: records of several sources become entities, with the origin of every value."""

from cimkit.fuse.evaluate import evaluate
from cimkit.fuse.profiles import PROFILES, Profile
from cimkit.fuse.run import fuse

__all__ = ["PROFILES", "Profile", "evaluate", "fuse"]
