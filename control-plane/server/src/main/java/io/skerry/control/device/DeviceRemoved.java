package io.skerry.control.device;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;

/** A device was removed, after the commit: what others keep under its name goes. */
public record DeviceRemoved(TenantId tenant, DeviceId device) {}
