/** Family names that are common in many countries. */
export const FAMILY =
  'abbott adams aguilar ahmed akhtar alexander ali allen almeida alonso alvarez alves andersen anderson andersson andrews araujo arnold bailey baker ' +
  'banerjee barbosa barker barnes barros bauer baumann becker bennett berg bernard bertrand bianchi blanc bogdanov bonnet boucher boyd bradley brandt ' +
  'braun brooks brown bruno bryant burke burns butler byrne caballero cabrera calvo campbell campos cardoso carlson carroll carter castillo castro ' +
  'chan chandra chapman chatterjee chavez chen chevalier chopra choudhury christensen clark clarke cohen cole coleman collins colombo conti cook ' +
  'cooper correia costa cox crawford cruz cunningham da_silva danielsen das davies davis de_luca delgado desai dias diaz dietrich dixon dominguez ' +
  'dubois dufour dunn dupont duran durand edwards ellis engel eriksen eriksson espinoza esposito evans fernandes fernandez ferrara ferrari ferreira ' +
  'fischer fisher fleming fletcher flores fontaine ford forster foster fournier fox franco frank freeman friedrich fuchs fuentes fujita gallagher ' +
  'gallo garcia garcía gardner garnier gauthier gibson gill giordano girard gomes gomez gonzales gonzalez gonzález gordon graham grant gray greco ' +
  'green greene griffin gross guerin guerrero gupta gustafsson gutierrez guzman haas hall hamilton hansen hansson harper harris harrison hart hartmann ' +
  'harvey hayashi hayes henderson henry hernandez herrera hill hoffman hoffmann holmes horn horvat horvath howard huang huber hughes hunt hussain ' +
  'ibrahim ito ivanov ivanova iyer jackson jacobs jacobsen jain james jansen jansson janssen jenkins jensen jimenez johansen johansson johnson ' +
  'johnston jones jordan jovanovic joshi jung kaiser kang kapoor karlsson kato kaur keller kelly kennedy khan kim king klein knight kobayashi koch ' +
  'kowalczyk kowalski kowalska kozlov kraus krause krishnan krüger kruger kuhn kumar kuznetsov lambert lang lange larsen larsson laurent lebedev ' +
  'lefebvre lehmann leroy lewandowski lewis li lima lin lindberg liu lombardi long lopes lopez lópez lovelace ludwig mahler maier mancini mariani ' +
  'marino marques marshall martin martinez martínez martins mason matsumoto matthews mayer mcdonald medina mehta meier melo mendes mendez mendoza ' +
  'menon mercier meyer michel miller mills mitchell mohamed molina monteiro moore morales moreau moreira moreno moretti morgan morris morrison müller ' +
  'muller murphy murray myers nair nakamura navarro neumann newton nguyen nielsen nikolaev nilsen nilsson novak nowak nunes obrien oliveira olsen ' +
  'olson olsson ortega ortiz owens palmer park parker patel patil pavlov pedersen pereira perez pérez perrin perry peters petersen peterson petit ' +
  'petrov petrova petrovic pfeiffer pham phillips pierce pinto popov powell price ramirez ramos rao reddy reed reid reis reyes reynolds ribeiro ricci ' +
  'richard richards richardson richter rinaldi rivera rizzo robert roberts robertson robinson rocha rodrigues rodriguez rodríguez rogers rojas romano ' +
  'romero rossi roth rousseau roux roy rubio ruiz russell russo ryan saito salazar sanchez sánchez sanders santoro santos sasaki sato schmid schmidt ' +
  'schmitt schmitz schneider scholz schroeder schröder schubert schulz schulze schumacher schuster schwartz schwarz scott sergeev serrano shah shapiro ' +
  'sharma shaw silva simmons simon simpson singh smirnov smith soares sokolov sousa souza stein stevens stewart sullivan suzuki svensson takahashi ' +
  'tanaka taylor teixeira thomas thompson thomsen torres tran tucker turner turing vargas vasquez vazquez vega verma vieira vincent vogel volkov ' +
  'wagner walker wallace walsh walter wang ward warren washington watanabe watson weaver weber webb weiss wells werner west white williams williamson ' +
  'wilson winkler winter wolf wolff wong wood woods wright wu yamada yamaguchi yamamoto yang yilmaz yoshida young zhang zhao zhou ziegler zimmermann ' +
  'zhu';
