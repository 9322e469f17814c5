"""The commands: one module each, with a command of the module's name. They are imported when they are called."""
