package io.skerry.artifact.job;

/**
 * How far a job is, as one line of {@code progress.jsonl} holds it.
 *
 * @param step what is done now, one word
 * @param done of {@code total}
 * @param total 0 when not known
 * @param message one line for a person
 */
public record JobProgress(String step, int done, int total, String message) {}
