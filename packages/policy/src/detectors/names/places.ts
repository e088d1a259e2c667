/** Countries, their capitals and large cities, states and regions. Several words are joined by `_`. */
export const PLACES =
  'afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahamas bahrain bangladesh barbados belarus belgium ' +
  'belize benin bhutan bolivia bosnia botswana brazil brasil brunei bulgaria burundi cambodia cameroon canada chile china colombia congo costa_rica ' +
  'croatia cuba cyprus czechia denmark deutschland djibouti dominican_republic ecuador egypt el_salvador england eritrea españa estonia eswatini ' +
  'ethiopia fiji finland france gabon gambia germany ghana great_britain greece greenland grenada guatemala guinea guyana haiti honduras hong_kong ' +
  'hungary iceland india indonesia iran iraq ireland israel italia italy jamaica japan jordan kazakhstan kenya kosovo kuwait kyrgyzstan laos latvia ' +
  'lebanon lesotho liberia libya liechtenstein lithuania luxembourg macedonia madagascar malawi malaysia maldives mali malta mauritania mauritius ' +
  'mexico méxico moldova monaco mongolia montenegro morocco mozambique myanmar namibia nepal netherlands new_zealand nicaragua niger nigeria ' +
  'north_korea northern_ireland norway oman pakistan palestine panama papua_new_guinea paraguay peru philippines poland polska portugal puerto_rico ' +
  'qatar romania russia rwanda saudi_arabia scotland senegal serbia seychelles sierra_leone singapore slovakia slovenia somalia south_africa ' +
  'south_korea south_sudan spain sri_lanka sudan suriname sweden switzerland schweiz österreich syria taiwan tajikistan tanzania thailand togo ' +
  'trinidad tunisia turkey türkiye turkmenistan uganda ukraine united_arab_emirates united_kingdom united_states uruguay uzbekistan venezuela vietnam ' +
  'wales yemen zambia zimbabwe ' +
  'abu_dhabi accra addis_ababa ahmedabad aleppo alexandria algiers almaty amman amsterdam ankara antwerp asunción athens atlanta auckland austin ' +
  'baghdad baku baltimore bangalore bengaluru bangkok barcelona basel beijing beirut belfast belgrade berlin bern bilbao birmingham bogota bogotá ' +
  'bologna bombay bordeaux boston brasília brasilia bratislava bremen brisbane bristol brussels bruxelles bucharest budapest buenos_aires cairo ' +
  'calcutta calgary canberra cape_town caracas cardiff casablanca charlotte chennai chicago christchurch cincinnati cleveland cologne copenhagen ' +
  'cordoba cracow dakar dallas damascus dar_es_salaam delhi denver detroit dhaka doha dortmund dresden dubai dublin durban düsseldorf edinburgh ' +
  'edmonton essen florence firenze frankfurt fukuoka geneva genève genoa glasgow gothenburg graz guadalajara guangzhou guayaquil hamburg hangzhou ' +
  'hannover hanoi harare havana helsinki hiroshima ho_chi_minh_city honolulu houston hyderabad indianapolis innsbruck istanbul izmir jakarta jeddah ' +
  'jerusalem johannesburg kabul karachi kathmandu kiev kyiv kinshasa kobe köln kolkata krakow kraków kuala_lumpur kyoto la_paz lagos lahore las_vegas ' +
  'leeds leipzig lille lima lisbon lisboa liverpool ljubljana london los_angeles lucerne luzern lyon madrid malaga málaga managua manchester manila ' +
  'maputo marrakech marseille medellin medellín melbourne memphis mexico_city miami milan milano milwaukee minneapolis minsk mombasa monterrey ' +
  'montevideo montreal montréal moscow mumbai munich münchen nagoya nairobi naples napoli nashville new_delhi new_orleans new_york new_york_city ' +
  'newcastle nice nicosia nottingham novosibirsk nuremberg nürnberg oakland odessa osaka oslo ottawa palermo paris perth philadelphia phnom_penh ' +
  'phoenix pittsburgh porto porto_alegre portland prague pretoria pune pyongyang quebec québec quito rabat raleigh recife reykjavik riga ' +
  'rio_de_janeiro riyadh rome roma rotterdam sacramento saint_petersburg salt_lake_city salvador salzburg san_antonio san_diego san_francisco ' +
  'san_jose san_salvador santiago santo_domingo são_paulo sao_paulo sapporo sarajevo seattle seoul seville sevilla shanghai sheffield shenzhen sofia ' +
  'st_louis stockholm stuttgart surabaya sydney taipei tallinn tampa tashkent tbilisi tehran tel_aviv the_hague tianjin tijuana tirana tokyo toronto ' +
  'toulouse tripoli tucson tunis turin torino ulaanbaatar utrecht valencia valparaiso vancouver venice venezia verona vienna wien vientiane vilnius ' +
  'warsaw warszawa washington wellington winnipeg wroclaw wuhan yangon yokohama zagreb zaragoza zurich zürich ' +
  'alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois indiana iowa kansas kentucky ' +
  'louisiana maine maryland massachusetts michigan minnesota mississippi missouri montana nebraska nevada new_hampshire new_jersey new_mexico ' +
  'north_carolina north_dakota ohio oklahoma oregon pennsylvania rhode_island south_carolina south_dakota tennessee texas utah vermont virginia ' +
  'west_virginia wisconsin wyoming alberta british_columbia manitoba nova_scotia ontario saskatchewan bavaria bayern hessen saxony sachsen tuscany ' +
  'lombardy sicily sardinia catalonia catalunya andalusia brittany normandy provence cornwall kerala punjab gujarat maharashtra tamil_nadu queensland ' +
  'tasmania new_south_wales';
