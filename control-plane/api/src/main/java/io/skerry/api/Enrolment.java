package io.skerry.api;

/**
 * What an enrolled device needs.
 *
 * @param secret password for broker and artifacts, user name {@code <tenant>/<device>}; shown only
 *     here
 * @param artifactBase blobs are at {@code <artifactBase>/sha256/<hex>}
 * @param trust release and director keys, as a DSSE envelope in JSON signed by the root key
 * @param rootKey the root key's 32 raw bytes in hex; believed only if its fingerprint is the
 *     token's
 */
public record Enrolment(
    String tenant,
    String device,
    String secret,
    String mqttHost,
    int mqttPort,
    String artifactBase,
    String trust,
    String rootKey) {}
