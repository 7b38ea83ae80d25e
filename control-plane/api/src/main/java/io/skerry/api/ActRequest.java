package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * Why an operator acts.
 *
 * @param reason in the operator's own words; kept in the audit log
 */
public record ActRequest(@Nullable String reason) {}
