package io.skerry.api;

/**
 * How far a long piece of work is.
 *
 * @param total 0 when unknown
 */
public record Progress(String step, long done, long total, String message) {}
