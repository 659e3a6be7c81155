"""The course's tools: a chapter's source becomes the learner's notebook and the solutions, and is handed out.

Nothing else in the package imports this.
"""
