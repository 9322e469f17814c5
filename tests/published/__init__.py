"""Third parties: logs and witnesses, time stamps, and COSE libraries that are not ours."""
