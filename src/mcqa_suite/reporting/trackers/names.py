"""The trackers that --log may name, and its help; without the libraries, so that a command starts quickly."""

TRACKERS = ("wandb", "trackio", "mlflow", "tensorboard")
HELP = (
    "give a tracker the scores, the settings and the report, which has questions and answers (extra: track, or trackio); "
    "tensorboard writes files, the others write files or send, as their own variables say; may be repeated"
)
