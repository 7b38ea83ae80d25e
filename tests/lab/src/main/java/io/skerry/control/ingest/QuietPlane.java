package io.skerry.control.ingest;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.micronaut.context.ApplicationContext;
import io.skerry.control.ca.CaConfig;
import io.skerry.control.device.Profiles;
import io.skerry.control.device.TrustConfig;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.ServerNames;
import io.skerry.control.link.BrokerConfig;
import io.skerry.control.link.InboundMessage;
import io.skerry.control.sql.Database;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.flywaydb.core.Flyway;

/** The parts of a control plane on a real database, without HTTP server, broker and loops. */
public final class QuietPlane implements AutoCloseable {
  private final HikariDataSource source;
  private final DataFolder folder;
  private final Database database;
  private final ApplicationContext context;

  /** Opens them on a database, which is brought up to date. */
  public QuietPlane(String url, Path data) {
    HikariConfig pool = new HikariConfig();
    pool.setJdbcUrl(url);
    pool.setUsername("postgres");
    pool.setMaximumPoolSize(4);
    pool.addDataSourceProperty("reWriteBatchedInserts", "true");
    source = new HikariDataSource(pool);
    Flyway.configure().dataSource(source).outOfOrder(true).load().migrate();
    folder = DataFolder.open(data);
    database = new Database(source);
    context =
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

  /** The database. */
  public Database database() {
    return database;
  }

  /** A part. */
  public <T> T bean(Class<T> type) {
    return context.getBean(type);
  }

  /** Stores a batch as ingest does, and returns what may be told to its devices once it did. */
  public Map<DeviceId, List<CommittedRange>> store(List<InboundMessage> messages) {
    BatchStore store = context.getBean(BatchStore.class);
    Map<DeviceId, List<CommittedRange>> committed = new HashMap<>();
    database
        .<BatchStore.Stored>call(transaction -> store.store(transaction, messages))
        .committed()
        .forEach((address, ranges) -> committed.put(address.device(), ranges));
    return committed;
  }

  @Override
  public void close() {
    context.stop();
    source.close();
    folder.close();
  }
}
