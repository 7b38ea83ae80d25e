package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Asks for variants of a version.
 *
 * @param profiles hardware profiles; those of the enrolled devices when absent
 */
public record PackagingRequest(@Nullable List<String> profiles) {}
