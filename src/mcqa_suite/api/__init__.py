"""What `import mcqa_suite` offers: functions, and the small results that they return.

Every result has `text(style)`, which the command line prints, and `to_frame()`; some have `save(folder)`.
"""
