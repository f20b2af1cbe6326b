"""Distribution strategies, one factory each; a runtime gin file names one."""

import tensorflow as tf


def one_device() -> tf.distribute.Strategy:
    """The first GPU if there is one, else the CPU."""
    return tf.distribute.get_strategy()


def mirrored(logical_cpus: int = 0) -> tf.distribute.Strategy:
    """All GPUs of this machine, synchronously.

    `logical_cpus` cuts the CPU into that many devices instead: a way to try a
    distributed run without a GPU.
    """
    if not logical_cpus:
        return tf.distribute.MirroredStrategy()
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * logical_cpus
    )
    return tf.distribute.MirroredStrategy(
        [f"CPU:{index}" for index in range(logical_cpus)]
    )


def multi_worker() -> tf.distribute.Strategy:
    """Several machines, synchronously; the cluster is read from TF_CONFIG."""
    return tf.distribute.MultiWorkerMirroredStrategy()


def tpu() -> tf.distribute.Strategy:
    """The cores of this TPU VM's TPU.

    A TPU cannot be reached from another machine: batches are made by Python, which
    must run where the TPU is.
    """
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="local")
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)
