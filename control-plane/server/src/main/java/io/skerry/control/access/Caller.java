package io.skerry.control.access;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;

/** Whom a request comes from. */
public sealed interface Caller {
  /** A user with a token. */
  record User(String name, Role role) implements Caller {}

  /** An enrolled device. */
  record Device(TenantId tenant, DeviceId device) implements Caller {}
}
