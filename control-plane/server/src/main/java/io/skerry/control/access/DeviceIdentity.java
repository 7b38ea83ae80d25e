package io.skerry.control.access;

import java.security.cert.X509Certificate;
import java.util.Optional;

/** Knows devices by their certificates; the feature {@code ca} brings it. */
public interface DeviceIdentity {
  /**
   * The device of a certificate whose chain the handshake has verified; empty when it is revoked,
   * has run out, or is none that was issued to a device.
   */
  Optional<Caller.Device> identityOf(X509Certificate certificate);
}
