package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an enrolled device needs.
 *
 * @param certificate PEM of the device's certificate and of the CA's, in this order
 * @param secret password of a device that sent no certificate request, user name {@code
 *     <tenant>/<device>}; shown only here
 * @param controlBase where certificates are renewed and the time is asked, without a slash at the
 *     end
 * @param artifactBase blobs are at {@code <artifactBase>/sha256/<hex>}
 * @param bootEpoch the highest boot epoch ever seen under this name, else 0; the device continues
 *     above it
 * @param roots every version of the root document, oldest first, as DSSE envelopes in JSON
 * @param snapshot the newest snapshot as a DSSE envelope in JSON; absent before the first
 * @param trust the first root document, for agents that know no list of them
 * @param rootKey a root key's 32 raw bytes in hex, for the same agents
 */
public record Enrolment(
    String tenant,
    String device,
    @Nullable String certificate,
    @Nullable String secret,
    String mqttHost,
    int mqttPort,
    String controlBase,
    String artifactBase,
    long bootEpoch,
    List<String> roots,
    @Nullable String snapshot,
    @Nullable String trust,
    @Nullable String rootKey) {
  public Enrolment {
    roots = List.copyOf(roots);
  }
}
