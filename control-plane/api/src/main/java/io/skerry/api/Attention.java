package io.skerry.api;

/**
 * Something that needs somebody.
 *
 * @param level {@code bad}: it hurts now; {@code warn}: it may
 * @param title what, in one line
 * @param detail why, with its numbers
 * @param part the part of the page that tells more
 */
public record Attention(String level, String title, String detail, String part) {}
