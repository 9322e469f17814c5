"""Attribution: months made by a seed, and a plain computation of the same figures to compare with."""
