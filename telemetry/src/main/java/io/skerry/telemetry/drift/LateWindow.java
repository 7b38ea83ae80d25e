package io.skerry.telemetry.drift;

/**
 * A device's window that came after its time was judged.
 *
 * @param window its index, before the one that it is judged with
 */
public record LateWindow(long window, DeviceWindow counts) {}
