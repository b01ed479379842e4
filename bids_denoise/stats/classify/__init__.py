"""Patients against controls, and outcomes from clinical tables, by rules that cannot be fooled.

`question` and `outcome_plan` say what is asked, `leaks` what is refused, `folds` who is held out,
`transformers` and `kernels` what is fitted inside a fold, `estimates` and `curves` the numbers
with their intervals; `run` and `outcome` are the two stories. scikit-learn does the learning.
"""
