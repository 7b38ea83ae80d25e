package io.skerry.control.access;

import java.util.Optional;

/** Knows the devices' secrets; the feature {@code device} brings it. */
public interface DeviceLogin {
  /** The device of this login name {@code <tenant>/<device>}, if the secret is its own. */
  Optional<Caller.Device> login(String name, String secret);
}
