"""Distances between vectors of states; each float32 [..., width] → [...]."""

import tensorflow as tf


def kl_divergence(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Returns KL(softmax(teacher) ‖ softmax(student)) over the width.

    States are no distributions, so both are normalized (Mukherjee and Awadallah 2020,
    Section 3.2, L_RL).
    """
    log_student = tf.nn.log_softmax(student)
    log_teacher = tf.nn.log_softmax(teacher)
    return tf.reduce_sum(tf.exp(log_teacher) * (log_teacher - log_student), axis=-1)


def mean_squared_error(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Returns the mean over the width of (student − teacher)²."""
    return tf.reduce_mean(tf.square(student - teacher), axis=-1)


def cosine_distance(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Returns 1 − cos(student, teacher), from 0 to 2; 1 if one of them is 0."""
    product = tf.math.l2_normalize(student, -1) * tf.math.l2_normalize(teacher, -1)
    return 1.0 - tf.reduce_sum(product, axis=-1)
