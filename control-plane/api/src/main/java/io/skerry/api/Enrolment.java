package io.skerry.api;

import java.util.List;

/**
 * What an enrolled device needs.
 *
 * @param certificate PEM of the device's certificate and of the CA's, in this order
 * @param controlBase where certificates are renewed and the time is asked, without a slash at the
 *     end
 * @param artifactBase blobs are at {@code <artifactBase>/sha256/<hex>}
 * @param bootEpoch the highest boot epoch ever seen under this name, else 0; the device continues
 *     above it
 * @param roots every version of the root document, oldest first, as DSSE envelopes in JSON
 * @param snapshot the newest snapshot as a DSSE envelope in JSON
 */
public record Enrolment(
    String tenant,
    String device,
    String certificate,
    String mqttHost,
    int mqttPort,
    String controlBase,
    String artifactBase,
    long bootEpoch,
    List<String> roots,
    String snapshot) {
  public Enrolment {
    roots = List.copyOf(roots);
  }
}
