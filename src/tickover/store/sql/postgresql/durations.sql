-- durations: how long the steps of a kind took so far, as log-scale histograms by step.
SELECT step, histogram FROM durations WHERE kind = :kind
