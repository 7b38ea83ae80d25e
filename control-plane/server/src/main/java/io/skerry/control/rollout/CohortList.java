package io.skerry.control.rollout;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.api.Cohort;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.CohortName;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The cohorts that there are, each with how many devices it takes now. */
@Singleton
public final class CohortList {
  static final int COHORTS_MAX = 1000;
  private static final String SELECT =
      """
      select name, selector, (select count(*) from device where labels @> selector) as devices
      from cohort
      """;

  private final Database database;

  CohortList(Database database) {
    this.database = database;
  }

  /** All of them by name. */
  public List<Cohort> all() {
    return database.call(
        transaction ->
            transaction.list(SELECT + "order by name limit ?", CohortList::cohort, COHORTS_MAX));
  }

  static Optional<Cohort> find(Transaction transaction, CohortName cohort) {
    return transaction.first(SELECT + "where name = ?", CohortList::cohort, cohort.value());
  }

  private static Cohort cohort(Row row) {
    return new Cohort(
        row.text("name"),
        new Gson().fromJson(row.text("selector"), new TypeToken<Map<String, String>>() {}),
        row.integer("devices"));
  }
}
