"""How ``receipt dispute`` makes a pack (spec/pack.md)."""
