"""Patients against controls, and outcomes from clinical tables, by rules that cannot be fooled.

`question` and `prediction` say what is asked, `leaks` and `designs` what is refused (by `signs`),
`folds` who is held out, `transformers`, `kernels` and `learners` what is fitted inside a fold,
`estimates` and `curves` the numbers with their intervals; `run` and `outcome` are the two stories.
"""
