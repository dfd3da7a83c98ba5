"""``python -m caption_curation`` is the command ``caption-curation``."""

from caption_curation.commands.main import main

if __name__ == "__main__":
    main()
