package io.skerry.contract;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.testcontainers.containers.GenericContainer;

@Tag("containers")
class PostgresqlIngestTest extends IngestContract {
  private static @Nullable GenericContainer<?> postgresql;

  @BeforeAll
  static void start() {
    Containers.requireEngine();
    GenericContainer<?> started = Containers.postgresql();
    started.start();
    postgresql = started;
  }

  @AfterAll
  static void stop() {
    if (postgresql != null) {
      postgresql.stop();
    }
  }

  @Override
  List<String> database() throws IOException {
    if (postgresql == null) {
      throw new IllegalStateException("the container has not been started");
    }
    Path config =
        Files.writeString(
            folder.resolve("server.yaml"),
            """
            database:
              url: %s
              user: skerry
              password: skerry
            """
                .formatted(Containers.jdbcUrl(postgresql)));
    return List.of("--config", config.toString());
  }
}
