package io.skerry.control;

import java.nio.file.Path;

/** A control plane in this process, with its database and broker, whose parts can be reached. */
public final class BenchPlane implements AutoCloseable {
  private final ControlPlane plane;

  private BenchPlane(ControlPlane plane) {
    this.plane = plane;
  }

  /** Starts one on free ports. */
  public static BenchPlane start(Path folder) {
    ServerConfig defaults = ServerConfig.DEFAULTS;
    return new BenchPlane(
        ControlPlane.start(
            new ServerConfig(
                folder,
                defaults.host(),
                defaults.publicHost(),
                0,
                0,
                0,
                defaults.profiles(),
                defaults.broker(),
                defaults.database(),
                defaults.ingest(),
                defaults.ca(),
                defaults.trust())));
  }

  /** A part of it. */
  public <T> T bean(Class<T> type) {
    return plane.bean(type);
  }

  @Override
  public void close() {
    plane.close();
  }
}
