package io.skerry.control.device;

/**
 * The server took other root documents or signing keys than it had.
 *
 * @param version of the newest root document
 */
public record RootsChanged(long version) {}
