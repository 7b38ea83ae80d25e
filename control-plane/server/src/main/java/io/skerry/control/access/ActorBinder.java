package io.skerry.control.access;

import io.micronaut.core.convert.ArgumentConversionContext;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.bind.binders.TypedRequestArgumentBinder;
import io.skerry.control.audit.Actor;
import jakarta.inject.Singleton;

/** Gives endpoints that ask for an {@link Actor} the one who calls. */
@Singleton
final class ActorBinder implements TypedRequestArgumentBinder<Actor> {
  @Override
  public Argument<Actor> argumentType() {
    return Argument.of(Actor.class);
  }

  @Override
  public BindingResult<Actor> bind(
      ArgumentConversionContext<Actor> context, HttpRequest<?> source) {
    return () -> source.getAttribute(AccessFilter.ACTOR, Actor.class);
  }
}
