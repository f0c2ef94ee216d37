DROP INDEX farewells;
