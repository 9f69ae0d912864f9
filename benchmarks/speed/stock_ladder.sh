#!/bin/sh
# The demo's ladder with the libraries' own tools, one step after another, as people write it by hand; ladder_speed.py runs it.
#   stock_ladder.sh FOLDER     FOLDER has base/, sft.yaml (of `trl sft`), calibration.json and quantise.py
set -e
cd "$1"
TASKS=mcqa_arc_easy_cloze,mcqa_openbookqa_cloze,mcqa_epfl_cloze

evaluate() { # MODEL: options without the chat template; and of some models written answers with it
    lm_eval run --model hf --model_args "pretrained=$1,dtype=float32" --device cpu --batch_size 32 --tasks "$TASKS" \
        --include_path "$(mcqa tasks --path)" --limit 100 --log_samples --output_path "logs/$1"
    case "$1" in base | sft | gptq4)
        lm_eval run --model hf --model_args "pretrained=$1,dtype=float32" --device cpu --batch_size 32 --tasks mcqa_arc_easy_cot \
            --include_path "$(mcqa tasks --path)" --limit 100 --apply_chat_template --gen_kwargs max_gen_toks=64 \
            --log_samples --output_path "logs/$1"
        ;;
    esac
}

step() { # NAME COMMAND...
    name=$1
    shift
    start=$(date +%s)
    "$@"
    echo "$name $(($(date +%s) - start))" >> seconds.txt
}

step evaluation evaluate base
step training trl sft --config sft.yaml
step training python merge.py
step evaluation evaluate sft
for bits in 8 4 2; do
    step quantisation python quantise.py "$bits"
    step evaluation evaluate "gptq$bits"
done
