package io.skerry.api;

/**
 * A user to make.
 *
 * @param role viewer, operator, approver, auditor or admin
 */
public record UserRequest(String name, String role) {}
