package io.skerry.artifact.job;

/**
 * How a job failed, as {@code error.json} holds it.
 *
 * @param code name of an {@link io.skerry.protocol.ErrorCode}
 * @param detail one line
 */
public record JobError(String code, String detail) {}
