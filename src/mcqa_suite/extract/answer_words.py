"""The word for "answer" in the languages that models are tested in, and the verb that joins it to the answer; lower case."""

from __future__ import annotations

# Words that are written with spaces between them; endings may follow, as in "svaret", "odpowiedzi", "jawabannya"
ANSWER_SPACED = "|".join(
    (
        "antwort|lösung",  # German
        "réponse|reponse|solution",  # French
        "respuesta|solución|solucion",  # Spanish
        "risposta|soluzione",  # Italian
        "resposta|solução",  # Portuguese, Catalan
        "antwoord",  # Dutch, Afrikaans
        "svar",  # Danish, Norwegian, Swedish
        "vastau",  # Finnish
        "odpowied|odpověď|odpoveď|odgovor",  # Polish, Czech, Slovak, Croatian
        "răspuns|raspuns",  # Romanian
        "válasz",  # Hungarian
        "cevap|cevab|yanıt",  # Turkish
        "jawab|jawapan",  # Indonesian, Malay
        "đáp án|câu trả lời",  # Vietnamese
        "jibu",  # Swahili
        "sagot",  # Filipino
        "ответ|відповідь|отговор|одговор",  # Russian, Ukrainian, Bulgarian, Serbian
        "απάντηση",  # Greek
    )
)
# A part of each of these words; the fewer there are, the faster is the test whether one of them occurs
ANSWER_PARTS = (
    "antw|sung|ponse|soluc|solut|soluz|solução|spuesta|sposta|svar|vasta|odpo|odgo|spuns|lasz|ceva|cevab|yanıt|jawa|đáp|câu"
    "|jibu|sagot|твет|дповід|тгово|дгово|πάντη"
)
IS_SPACED = (
    "ist|lautet|beträgt|wäre|est|vaut|es|sería|è|é|is|er|är|on|jest|to|je|este|adalah|ialah|là|ni|ay|е|это|равен|равно"
    "|είναι"
)
# Words of scripts whose words are not told apart by \b, and what may join them to the answer
ANSWER_OTHER = "|".join(
    (
        "答案|答え|解答|正解|答",  # Chinese, Japanese
        "정답|답변|답",  # Korean
        "الجواب|الإجابة|الاجابة|پاسخ|جواب",  # Arabic, Persian, Urdu
        "תשובה",  # Hebrew
        "उत्तर|जवाब",  # Hindi, Marathi
        "উত্তর",  # Bengali
        "సమాధానం|జవాబు",  # Telugu
        "பதில்|விடை",  # Tamil
        "જવાબ|ಉತ್ತರ|ഉത്തരം|ਜਵਾਬ",  # Gujarati, Kannada, Malayalam, Punjabi
        "คำตอบ",  # Thai
        "ចម្លើយ|ຄຳຕອບ|အဖြေ",  # Khmer, Lao, Burmese
        "պատասխան|პასუხი",  # Armenian, Georgian
    )
)
