"""BERT's tokenization of texts into word pieces, inside the graph."""

import tensorflow as tf
import tensorflow_text as tf_text

from pd_bert.text.vocabulary import CONTINUATION_PREFIX, UNK, Vocabulary

# The characters that BERT removes from a text: control, format and private-use ones
# other than tab and line breaks, and the replacement character.
_DROPPED = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}\p{Cf}\p{Co}\x{fffd}]+"
_ACCENTS = r"\p{Mn}+"
# In these texts only the case can change. Most texts are of this kind, and normalizing
# the others takes longer than the tokenization itself.
_PLAIN = r"[\t\n\r -~]*"

# A longer word becomes one [UNK]. BERT counts characters (200 in the reference code,
# 100 in Hugging Face's), the op counts bytes. With a limit of 100 bytes, 34 letters of
# Thai, which is written without spaces, would become [UNK]; a word of up to 100
# characters never has more than 400 bytes.
_MAX_BYTES_PER_WORD = 400


class WordPiece(tf.Module):
    """A greedy tokenizer of texts into word pieces (Wu et al. 2016, Section 4.1).

    Texts are cleaned and, if the vocabulary is of lower case, lower-cased and stripped
    of accents. They are split at white space, punctuation and CJK characters, then each
    word into the longest pieces of the vocabulary; a word without such pieces is [UNK].
    No special tokens are added, and none are recognized in a text. No string is an
    error: bytes that are not UTF-8 are removed.
    """

    def __init__(self, vocabulary: Vocabulary, max_bytes: int | None = None) -> None:
        """Builds the tokenizer.

        Args:
            max_bytes: the number of bytes that are read of each text, to bound the work
                per text (a character that is cut in two is removed); None: all.

        Raises:
            ValueError: `max_bytes` is less than 1.
        """
        super().__init__()
        if max_bytes is not None and max_bytes < 1:
            raise ValueError(f"max_bytes must be at least 1; received {max_bytes}")
        self._lowercase = vocabulary.lowercase
        self._max_bytes = max_bytes
        # lower_case_nfd_strip_accents=True would fold by NFKC, unlike BERT: "½" turns
        # into "1⁄2" and "…" into "...", although BERT's vocabulary holds both. So
        # __call__ lower-cases and strips accents itself.
        self._tokenizer = tf_text.FastBertTokenizer(
            vocab=list(vocabulary.tokens),
            suffix_indicator=CONTINUATION_PREFIX,
            max_bytes_per_word=_MAX_BYTES_PER_WORD,
            token_out_type=tf.int32,
            unknown_token=UNK,
            lower_case_nfd_strip_accents=False,
        )

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenizes string [batch] into int32 ids [batch, pieces].

        Example: ["Unaffable!", ""] -> the ids of [[un, ##aff, ##able, !], []].
        """
        if self._max_bytes is not None:
            texts = tf.strings.substr(texts, 0, self._max_bytes)
        plain = tf.strings.regex_full_match(texts, _PLAIN)
        others = tf.where(tf.logical_not(plain))
        normal = self._normalize(tf.gather_nd(texts, others))
        if self._lowercase:
            texts = tf.strings.lower(texts)  # ASCII letters only
        texts = tf.tensor_scatter_nd_update(texts, others, normal)
        return self._tokenizer.tokenize(texts)

    def _normalize(self, texts: tf.Tensor) -> tf.Tensor:
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")
        texts = tf.strings.regex_replace(texts, _DROPPED, "")
        if self._lowercase:
            texts = tf.strings.lower(texts, encoding="utf-8")
            texts = tf_text.normalize_utf8(texts, "NFD")
            texts = tf.strings.regex_replace(texts, _ACCENTS, "")
        return texts
