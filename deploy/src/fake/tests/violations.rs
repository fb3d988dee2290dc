//! Orders that would do harm in silence.

use super::*;

#[tokio::test]
async fn every_dangerous_order_is_a_violation() {
    let fake = engine();
    let spec = prepared(&fake).await;
    run_database(&fake).await;
    let address = fake.start_service(&spec).await.unwrap();
    fake.route(address);
    assert_eq!(fake.violations(), Vec::<String>::new());

    Builder::remove(&fake, &preview(), &spec.image)
        .await
        .unwrap();
    for network in [Network::Revision(R1), Network::Data(G1)] {
        fake.remove_network(&preview(), &network).await.unwrap();
    }
    Databases::remove(&fake, &database().key).await.unwrap();
    fake.remove_service(&spec.key).await.unwrap();
    violated(
        &fake,
        &[
            "image sha256",
            "network shop-1/r1 removed",
            "network shop-1/data-g1 removed while service",
            "network shop-1/data-g1 removed while database",
            "database shop-1/g1/main removed",
            "while traffic",
        ],
    );
}

#[tokio::test]
async fn data_that_are_replaced_under_their_server_are_a_violation() {
    let fake = engine();
    run_database_alone(&fake).await;
    make(&fake).await.unwrap();
    assert!(fake.everything().databases.is_empty());
    violated(&fake, &["data of database shop-1/g1/main replaced"]);

    fork(&fake).await.unwrap();
    let network = network_of_data(G2);
    fake.ensure_network(&network).await.unwrap();
    fake.start(&database_of(G2)).await.unwrap();
    fork(&fake).await.unwrap();
    violated(
        &fake,
        &["shop-1/g1/main replaced", "shop-1/g2/main replaced"],
    );
}

#[tokio::test]
async fn a_service_without_its_database_is_a_violation() {
    let fake = engine();
    let spec = prepared(&fake).await;
    fake.start_service(&spec).await.unwrap();
    fake.remove_service(&spec.key).await.unwrap();
    make(&fake).await.unwrap();
    fake.start_service(&spec).await.unwrap();
    violated(&fake, &["main does not exist", "main has no server"]);
}

#[tokio::test]
async fn a_service_of_another_generation_uses_other_data() {
    let fake = engine();
    let mut spec = prepared(&fake).await;
    run_database(&fake).await;
    fork(&fake).await.unwrap();
    fake.ensure_network(&network_of_data(G2)).await.unwrap();
    fake.start(&database_of(G2)).await.unwrap();
    spec.data = Some(G2);
    let ended = fake.run_to_end(&spec, "migrate").await.unwrap();
    assert_eq!(ended.exit_code, 0);
    let migrated = [format!("migrate {}", commit())];
    assert_eq!(fake.data(&database_of(G2).key).unwrap(), migrated);
    assert!(fake.data(&database().key).unwrap().is_empty());
    Databases::remove(&fake, &database().key).await.unwrap();
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn visitors_led_to_what_does_not_serve_are_a_violation() {
    let fake = engine();
    fake.app(
        &commit(),
        AppScript {
            start: StartScript::NeverListens,
            ..AppScript::default()
        },
    );
    let mut spec = prepared(&fake).await;
    spec.data = None;
    let address = fake.start_service(&spec).await.unwrap();
    fake.route(address);
    assert!(
        fake.violations()[0].contains("does not serve"),
        "{:?}",
        fake.violations()
    );
}

#[tokio::test]
async fn two_calls_for_one_object_at_once_are_a_violation() {
    let fake = engine();
    let spec = prepared(&fake).await;
    run_database(&fake).await;
    let (first, second) = tokio::join!(fake.start_service(&spec), fake.remove_service(&spec.key));
    assert!(first.is_err() || second.is_ok());
    assert!(
        fake.violations()[0].contains("while StartService"),
        "{:?}",
        fake.violations()
    );
}
