package io.skerry.control.sql;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.event.ApplicationEventPublisher;
import io.skerry.control.ca.CaConfig;
import io.skerry.control.device.Profiles;
import io.skerry.control.device.TrustConfig;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.ServerNames;
import io.skerry.control.ingest.IngestConfig;
import io.skerry.control.link.BrokerConfig;
import io.skerry.profile.ProfileCatalog;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;

/** The control plane's beans on a real PostgreSQL, without HTTP server and broker. */
public final class TestPlane implements AutoCloseable {
  private final EmbeddedPostgres postgres;
  private final HikariDataSource source;
  private final DataFolder folder;
  private final Database database;
  private final ApplicationContext context;

  private TestPlane(EmbeddedPostgres postgres, HikariDataSource source, DataFolder folder) {
    this.postgres = postgres;
    this.source = source;
    this.folder = folder;
    this.database = new Database(source);
    this.context =
        ApplicationContext.builder()
            .banner(false)
            .deduceEnvironment(false)
            .singletons(
                new Profiles(ProfileCatalog.builtIn()),
                folder,
                database,
                CaConfig.DEFAULTS,
                BrokerConfig.DEFAULTS,
                IngestConfig.DEFAULTS.judgingEachWindow(),
                TrustConfig.DEFAULTS,
                new ServerNames("127.0.0.1", "127.0.0.1"))
            .build()
            .start();
  }

  /** Starts a database of its own and brings it up to date. */
  public static TestPlane start(Path dataFolder) throws IOException {
    EmbeddedPostgres postgres = EmbeddedPostgres.builder().start();
    HikariConfig pool = new HikariConfig();
    pool.setJdbcUrl("jdbc:postgresql://127.0.0.1:%d/postgres".formatted(postgres.getPort()));
    pool.setUsername("postgres");
    pool.setMaximumPoolSize(4);
    HikariDataSource source = new HikariDataSource(pool);
    Flyway.configure().dataSource(source).outOfOrder(true).load().migrate();
    return new TestPlane(postgres, source, DataFolder.open(dataFolder));
  }

  /** The database. */
  public Database database() {
    return database;
  }

  /** Where the database's connections come from. */
  public DataSource source() {
    return source;
  }

  /** A bean. */
  public <T> T bean(Class<T> type) {
    return context.getBean(type);
  }

  /** Tells the beans of events of a kind. */
  public <T> ApplicationEventPublisher<T> publisher(Class<T> event) {
    return context.getEventPublisher(event);
  }

  @Override
  public void close() throws IOException {
    context.stop();
    source.close();
    folder.close();
    postgres.close();
  }
}
