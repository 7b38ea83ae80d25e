package io.skerry.api;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A device that may enrol once under its name.
 *
 * @param device its name, for example its serial number
 * @param keySha256 SHA-256 of its public key (SubjectPublicKeyInfo, DER) in 64 hex digits: then it
 *     needs no token and nobody else gets the name; absent = it needs a token
 * @param labels given to it; win over its own and the token's
 */
public record Preauthorisation(
    String device, @Nullable String keySha256, @Nullable Map<String, String> labels) {}
