package io.skerry.contract;

import java.time.Duration;
import org.junit.jupiter.api.Assumptions;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;
import org.testcontainers.utility.MountableFile;

/** Real servers in containers; images may be named by properties where none can be pulled. */
final class Containers {
  private static final int POSTGRESQL_PORT = 5432;

  private Containers() {}

  /** Skips the test with one line when no Docker engine can be reached. */
  static void requireEngine() {
    Assumptions.assumeTrue(
        DockerClientFactory.instance().isDockerAvailable(),
        "no Docker engine is reachable: the tests against real servers are skipped");
  }

  /** PostgreSQL with user, password and database {@code skerry}. */
  static GenericContainer<?> postgresql() {
    return new GenericContainer<>(
            DockerImageName.parse(System.getProperty("skerry.image.postgresql", "postgres:17")))
        .withCopyFileToContainer(
            MountableFile.forClasspathResource("containers/postgresql.sh", 0755), "/postgresql.sh")
        .withEnv("POSTGRES_USER", "skerry")
        .withEnv("POSTGRES_PASSWORD", "skerry")
        .withEnv("POSTGRES_DB", "skerry")
        .withCreateContainerCmdModifier(command -> command.withEntrypoint())
        .withCommand("/bin/bash", "/postgresql.sh")
        .withExposedPorts(POSTGRESQL_PORT)
        .waitingFor(
            Wait.forLogMessage(".*database system is ready to accept connections.*", 1)
                .withStartupTimeout(Duration.ofMinutes(2)));
  }

  static String jdbcUrl(GenericContainer<?> postgresql) {
    return "jdbc:postgresql://%s:%d/skerry"
        .formatted(postgresql.getHost(), postgresql.getMappedPort(POSTGRESQL_PORT));
  }
}
